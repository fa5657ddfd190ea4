package host

import (
	"fmt"
	"time"
)

// sizer decides how many of a site's workers may run scripts at once: more when
// requests wait and the machine has something left for them, fewer when the last
// ones have had nothing to do for a while. It knows no clock.
type sizer struct {
	min, max int
	now      int

	waits int           // looks in a row at which requests waited
	calm  time.Duration // since when the last worker was not needed
	peak  int           // most scripts at once within calm
}

// look is what a sizer sees.
type look struct {
	after   time.Duration // the look before
	waiting int           // requests
	busy    int           // workers
	each    int64         // octets that a worker has for itself; 0: not known
	free    int64         // octets of memory; 0: not known
	idle    float64       // part of the processors' time that nobody used; < 0: not known
}

const (
	// sizeLookTime is how often the number of workers is looked at.
	sizeLookTime = 500 * time.Millisecond
	// sizeWaits is how many looks in a row requests must wait for more workers.
	sizeWaits = 2
	// sizeCalmTime is how long a worker must have been left over.
	sizeCalmTime = 60 * time.Second
	// sizeIdleMin: where the processors have less than this part of their time
	// left, more workers would only take it from each other.
	sizeIdleMin = 0.1
	// sizeMemoryPart is the part of the memory that is free which new workers may
	// fill at a time.
	sizeMemoryPart = 2
	// workerGuessBytes is what a worker takes when none can be measured.
	workerGuessBytes = 64 << 20
)

// step answers how many there may be now; why is empty when nothing changes.
func (s *sizer) step(l look) (n int, why string) {
	if l.waiting > 0 {
		s.waits++
		s.calm, s.peak = 0, 0
		if s.waits >= sizeWaits {
			why = s.grow(l)
		}
		return s.now, why
	}
	s.waits = 0
	s.peak = max(s.peak, l.busy)
	if s.calm += l.after; s.calm < sizeCalmTime {
		return s.now, ""
	}
	if peak := s.peak; peak < s.now && s.now > s.min {
		s.now--
		why = fmt.Sprintf("no more than %d were needed for %v", peak, s.calm.Round(time.Second))
	}
	s.calm, s.peak = sizeCalmTime-sizeCalmTime/12, l.busy // the next one follows sooner
	return s.now, why
}

func (s *sizer) grow(l look) string {
	if s.now >= s.max || l.idle >= 0 && l.idle < sizeIdleMin {
		return ""
	}
	more := min(max(1, s.now/2), s.max-s.now)
	each := l.each
	if each <= 0 {
		each = workerGuessBytes
	}
	budget := ""
	if l.free > 0 {
		more = min(more, int(l.free/sizeMemoryPart/each))
		budget = fmt.Sprintf(", %d MiB each, %d MiB free", each>>20, l.free>>20)
	}
	if more <= 0 {
		return ""
	}
	s.waits = 0
	s.now += more
	return fmt.Sprintf("%d requests waited%s", l.waiting, budget)
}
