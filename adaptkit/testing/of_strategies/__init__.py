"""The checks of strategies: one function each, its name says what holds."""
