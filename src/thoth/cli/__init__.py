"""The `thoth` command: a module per subcommand, a folder where one has parts, and what they share."""
