"""The reservation service: takes reservations, and opens the payment of each synchronously."""
