"""How good are recommendations from few rows? Small samples of real records, judged by all of them."""
