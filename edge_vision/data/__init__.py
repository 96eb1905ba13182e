"""Floor 0, facts: frames, views, findings, results, events, payloads, errors. Needs numpy only."""
