"""The checks of models: one function each, its name says what holds."""
