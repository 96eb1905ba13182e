"""Strategies: one training over several devices or machines, on TensorFlow's own engine.

A network that is built within `distribution(...).scope()` is trained by as many replicas as there are
devices, or workers, each on its share of every batch. All are given the same data and the same seed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras
import numpy as np

from edge_vision.data.errors import TrainingError, suggestion
from edge_vision.training.fitting.epoch_data import EpochData

WISHES = ("none", "mirrored", "workers")
CLUSTER_VARIABLE = "TF_CONFIG"


class Distribution:
    """Where a training runs: how many replicas of the network there are, and who speaks for all.

    strategy  TensorFlow's; None where the network is a single one
    replicas  copies of the network that learn as one
    workers   processes they are in
    chief     True in the one process that writes files and talks to people
    """

    def __init__(self, strategy: Any = None) -> None:
        resolver: Any = getattr(strategy, "cluster_resolver", None)
        jobs = dict(resolver.cluster_spec().as_dict()) if resolver is not None else {}
        self.strategy = strategy
        self.replicas = 1 if strategy is None else int(strategy.num_replicas_in_sync)
        self.workers = max(sum(len(tasks) for tasks in jobs.values()), 1)
        self.chief = not jobs or (resolver.task_type, resolver.task_id) == _chief_of(jobs)
        self._functions: tuple[Any, Any, Any] = (None, None, None)

    @classmethod
    def of(cls, network: Any) -> Distribution:
        """The one that a network was built in."""
        if keras.backend.backend() != "tensorflow":
            return cls()
        import tensorflow  # noqa: PLC0415 - the other backends do without

        strategy = network.distribute_strategy
        known = tensorflow.distribute
        ours = isinstance(strategy, known.MirroredStrategy | known.MultiWorkerMirroredStrategy)
        return cls(strategy if ours else None)

    def scope(self) -> AbstractContextManager[Any]:
        """The context in which a network is built."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    def total(self, value: float) -> float:
        """The sum of a figure over all workers, which all must ask for."""
        if self.workers == 1:
            return value
        import tensorflow  # noqa: PLC0415 - there are workers with TensorFlow only

        local = self.replicas // self.workers
        shares = self.strategy.experimental_distribute_values_from_function(
            lambda _: tensorflow.constant(value / local, tensorflow.float64)
        )
        with _told_of_lost_workers():
            return float(self.strategy.reduce("SUM", shares, axis=None))

    def as_chief(self, value: float) -> float:
        """The chief's figure, in all workers."""
        return self.total(value if self.chief else 0.0)

    def clipping(self, clip: float) -> Callable[[Sequence[Any]], Sequence[Any]] | None:
        """Clips the gradients of all replicas by the norm of their sum; None where Keras can.

        Keras (3.15) clips those of each replica before it sums them, which is another step. The clipped
        sum is shared out here, because Keras sums once more.
        """
        if self.replicas == 1 or not clip:
            return None
        import tensorflow  # noqa: PLC0415 - there are replicas with TensorFlow only

        def clipped(gradients: Sequence[Any]) -> Sequence[Any]:
            there = [each for each in gradients if each is not None]
            summed = tensorflow.distribute.get_replica_context().all_reduce("SUM", there)
            shares = iter(tensorflow.clip_by_global_norm(summed, clip)[0])
            return [None if each is None else next(shares) / self.replicas for each in gradients]

        return clipped

    def fit(self, learner: Any, data: EpochData, batch: int, after: Callable[[int], bool]) -> None:
        """Take all steps of an epoch, each on a batch that the replicas share.

        Keras' own fit() cannot (3.15): it asks the strategy for the mean of a batch of arrays by name,
        and collective strategies refuse. So its training step is run by the strategy itself.
        What BatchNormalization keeps is its own in each replica, and afterwards their mean in all.

        after  told how many steps are done; says whether to stop
        """
        if batch % self.replicas:
            raise TrainingError(f"batch {batch} cannot be shared by {self.replicas} replicas evenly")
        step, read = self._functions_of(learner)
        learner.reset_metrics()
        with _told_of_lost_workers():
            for number, first in enumerate(range(0, len(data), batch), start=1):
                share = min(batch, len(data) - first) // self.replicas  # what is over is left out
                if share:
                    step(self._shared(data, first, share))
                if after(number):
                    break
            for variable, shares in zip(_kept(learner), read(), strict=True):
                variable.assign(self.strategy.reduce("MEAN", shares, axis=None))

    def _shared(self, data: EpochData, first: int, share: int) -> Any:
        """A batch, in which each replica has the rows of its own."""
        import tensorflow  # noqa: PLC0415 - there are replicas with TensorFlow only

        def of_replica(context: Any) -> Any:
            begin = first + context.replica_id_in_sync_group * share
            rows = data.rows(slice(begin, begin + share))
            return tensorflow.nest.map_structure(tensorflow.convert_to_tensor, as_batch(rows))

        return self.strategy.experimental_distribute_values_from_function(of_replica)

    def _functions_of(self, learner: Any) -> tuple[Any, Any]:
        """One step, and a reading of what each replica keeps, both traced once for a learner."""
        known, step, read = self._functions
        if known is not learner:
            import tensorflow  # noqa: PLC0415 - there are replicas with TensorFlow only

            kept = _kept(learner)

            def run_step(batch: Any) -> None:
                self.strategy.run(learner.train_step, args=(batch,))

            def run_read() -> Any:
                return self.strategy.run(lambda: [each.value.read_value() for each in kept])

            step = tensorflow.function(run_step, reduce_retracing=True)
            read = tensorflow.function(run_read)
            self._functions = (learner, step, read)
        return step, read


def _kept(learner: Any) -> list[Any]:
    """The variables that change without being learnt, such as means of batches."""
    return [each for each in learner.network.non_trainable_variables if "float" in str(each.dtype)]


def as_batch(data: EpochData) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Inputs and truth in the form in which a Learner takes them."""
    truth = {"targets": dict(data.targets)}
    if data.weights:
        # Weights of one kind only, so that every backend sums them the same.
        truth["weights"] = {name: np.asarray(each, np.float32) for name, each in data.weights.items()}
    return dict(data.inputs), truth


def distribution(wish: str, environment: Mapping[str, str]) -> Distribution:
    """Where to train, from a wish: "none", "mirrored" (this machine's devices) or "workers".

    environment  holds TF_CONFIG for workers, as TensorFlow's cluster tools set it: which processes there
                 are, and which of them this is
    """
    if wish not in WISHES:
        raise TrainingError(f"no strategy {wish}{suggestion(wish, WISHES)}")
    if wish == "none":
        return Distribution()
    if keras.backend.backend() != "tensorflow":
        raise TrainingError(
            f"strategy {wish} is TensorFlow's, and Keras runs on {keras.backend.backend()}; "
            "set KERAS_BACKEND=tensorflow, or leave the strategy out"
        )
    import tensorflow  # noqa: PLC0415 - the other backends do without

    if wish == "mirrored":
        return Distribution(tensorflow.distribute.MirroredStrategy())
    resolver = _resolver(environment.get(CLUSTER_VARIABLE, ""))
    return Distribution(tensorflow.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver))


def _resolver(text: str) -> Any:
    """TensorFlow's view of a cluster, from TF_CONFIG."""
    example = (
        '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
    )
    try:
        told = json.loads(text)
        cluster, kind, index = told["cluster"], told["task"]["type"], int(told["task"]["index"])
        cluster[kind][index]
    except (ValueError, KeyError, TypeError, IndexError):
        problem = "does not say which workers there are" if text else "is not set"
        raise TrainingError(f"{CLUSTER_VARIABLE} {problem}; such as {example}") from None
    import tensorflow  # noqa: PLC0415 - the other backends do without

    return tensorflow.distribute.cluster_resolver.SimpleClusterResolver(
        tensorflow.train.ClusterSpec(cluster), task_type=kind, task_id=index, rpc_layer="grpc"
    )


def _chief_of(jobs: Mapping[str, Any]) -> tuple[str, int]:
    return ("chief", 0) if "chief" in jobs else ("worker", 0)


@contextmanager
def _told_of_lost_workers() -> Iterator[None]:
    """Turns TensorFlow's error of a worker that is gone into one that says what to do."""
    import tensorflow  # noqa: PLC0415 - there are replicas with TensorFlow only

    errors = tensorflow.errors
    try:
        yield
    except (errors.UnavailableError, errors.AbortedError, errors.CancelledError) as error:
        raise TrainingError(
            "another worker cannot be reached any more; start all workers again, they go on from the "
            f"last checkpoint ({str(error).splitlines()[0]})"
        ) from error
