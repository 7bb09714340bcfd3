"""Payment: the money of each reservation, from opening the payment to refunding it."""
