"""The settings of the dictation commands: one TOML file, which environment variables and flags override."""
