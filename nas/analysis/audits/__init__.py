"""What longer trainings and other seeds of some networks say of all."""
