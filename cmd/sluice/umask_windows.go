package main

import "sluice/conf"

func tightenUmask([]conf.Listen) {}
