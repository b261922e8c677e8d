"""What looks after incidents and their record from outside: taken up again, sealed, retired."""
