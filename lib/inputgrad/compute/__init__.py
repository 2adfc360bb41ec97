"""Computing with torch: gradients, attacks, networks, training and the methods of the papers. Knows no study."""
