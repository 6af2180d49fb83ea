"""Do the statistics keep what they promise? Simulations on data whose truth is known."""
