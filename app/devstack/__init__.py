"""What `orderwire up` runs: the processes of one stack, their supervisor, and the embedded Valkey."""
