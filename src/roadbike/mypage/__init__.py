"""My page: how every purchase stands, as its buyer sees it. Hears everything, tells nothing."""
