//go:build !linux

package php

import "time"

// Age tells nothing here.
func Age(Worker) time.Duration { return 0 }
