"""Reservation: a buyer's claim on a bike. Opens the payment synchronously, tells the rest."""
