//go:build !linux

package cgid

// starter starts programs where nothing ties them to a thread.
type starter struct{}

func (s *starter) open()  {}
func (s *starter) close() {}

func (s *starter) start(c command) (*process, error) { return c.start(groupAttr()) }

// awaitExit reaps the leader: waiting without reaping is not portable. Its
// number stays taken as a group as long as the group has members.
func (p *process) awaitExit() { p.reap() }
