"""Do the tests notice when the code is wrong? Mutants by cosmic-ray, each judged in a fork of one process."""
