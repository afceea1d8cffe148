"""The campaigns floor on paper: the pure engine over tables in memory, for simulation and tests."""
