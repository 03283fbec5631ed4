"""The `thoth` command, one module per subcommand."""
