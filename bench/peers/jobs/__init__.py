"""One shipment as a job of six queues that a good engineer might have taken, each as its own pages advise."""
