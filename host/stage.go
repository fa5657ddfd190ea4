package host

// Stage says what could not be done when starting failed.
type Stage uint8

const (
	// StageConfig: the configuration asks for what this machine does not have.
	StageConfig Stage = iota
	// StageListen: an address could not be listened on.
	StageListen
	// StagePHP: there is no PHP where one is needed, or it does not start.
	StagePHP
)

// Fault is an error of a known stage.
type Fault struct {
	Stage Stage
	Err   error
}

func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

func at(s Stage, err error) error { return &Fault{s, err} }
