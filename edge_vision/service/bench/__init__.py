"""`edge-vision bench`: the daemon on one configuration, beside a bare loop over the same frames."""
