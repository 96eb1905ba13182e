"""Floor 3, the service: configuration, plugins, assembly, daemon, systemd, command line."""
