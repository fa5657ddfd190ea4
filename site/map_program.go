package site

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// mapProgram is the program of a prg map: a key and a line end in, a value and a
// line end out, "NULL" for none. One process is asked by all loops, a key at a
// time. It is started when it is needed, and again when it has died; it and its
// pipes belong to the goroutine run.
type mapProgram struct {
	name string
	args []string // the program and its arguments; there is no shell

	limit   time.Duration // of an answer
	asks    chan mapAsk
	ended   chan struct{}
	once    sync.Once
	closing sync.Once

	process *mapProcess // of run; nil: none
	failed  time.Time   // when a new process could not answer
}

// mapAsk is a key that somebody waits for.
type mapAsk struct {
	key    string
	until  time.Time
	answer func(value string, found bool, err error)
}

// mapProcess is a running program.
type mapProcess struct {
	cmd *exec.Cmd
	in  *os.File
	out *os.File
	buf *bufio.Reader
	old bool // it has answered before
}

func newMapProgram(name string, args []string) *mapProgram {
	return &mapProgram{name: name, args: args, limit: mapAnswerTime, asks: make(chan mapAsk, mapAsksMax), ended: make(chan struct{})}
}

var (
	errMapBusy   = errors.New("too many requests wait for it")
	errMapClosed = errors.New("it is ended")
	errMapKey    = errors.New("the key has a line end in it")
	errMapTime   = errors.New("it did not answer in time")
	errMapAnswer = errors.New("its answer is too long")
	errMapPause  = errors.New("it failed a moment ago")
)

// ask calls answer, in another goroutine or at once.
func (p *mapProgram) ask(key string, answer func(value string, found bool, err error)) {
	if strings.ContainsAny(key, "\n\x00") {
		answer("", false, p.fault(errMapKey))
		return
	}
	p.once.Do(func() { go p.run() })
	select {
	case <-p.ended:
		answer("", false, p.fault(errMapClosed))
		return
	default:
	}
	select {
	case p.asks <- mapAsk{key, time.Now().Add(p.limit), answer}:
	default:
		answer("", false, p.fault(errMapBusy))
	}
	select {
	case <-p.ended: // meanwhile: run may be gone
		p.refuse()
	default:
	}
}

// refuse answers whoever waits for a program that is ended.
func (p *mapProgram) refuse() {
	for {
		select {
		case a := <-p.asks:
			a.answer("", false, p.fault(errMapClosed))
		default:
			return
		}
	}
}

func (p *mapProgram) fault(err error) error {
	return fmt.Errorf("RewriteMap %s: program %q: %w", p.name, p.args[0], err)
}

// close ends the program. It does not wait for that.
func (p *mapProgram) close() { p.closing.Do(func() { close(p.ended) }) }

func (p *mapProgram) run() {
	pinThread()
	for {
		select {
		case a := <-p.asks:
			value, found, err := p.lookup(a)
			if err != nil {
				err = p.fault(err)
			}
			a.answer(value, found, err)
		case <-p.ended:
			p.end()
			p.refuse()
			return
		}
	}
}

// lookup asks the process. One that has died since its last answer is replaced
// without anybody noticing.
func (p *mapProgram) lookup(a mapAsk) (value string, found bool, err error) {
	for {
		if !time.Now().Before(a.until) {
			return "", false, errMapTime
		}
		if p.process == nil {
			if time.Since(p.failed) < mapRestartPause {
				return "", false, errMapPause
			}
			if err := p.start(); err != nil {
				p.failed = time.Now()
				return "", false, err
			}
		}
		old := p.process.old
		value, err = p.process.ask(a)
		if err == nil {
			p.process.old = true
			if strings.EqualFold(value, "NULL") {
				return "", false, nil
			}
			return value, true, nil
		}
		p.end()
		if late := errors.Is(err, errMapTime); !old || late || errors.Is(err, errMapAnswer) {
			if !late {
				p.failed = time.Now()
			}
			return "", false, err
		}
	}
}

// start starts a process.
func (p *mapProgram) start() error {
	childIn, in, err := os.Pipe()
	if err != nil {
		return err
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		_, _ = childIn.Close(), in.Close()
		return err
	}
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = childIn, childOut, os.Stderr
	cmd.SysProcAttr = mapProcessAttr()
	err = cmd.Start()
	_, _ = childIn.Close(), childOut.Close()
	if err != nil {
		_, _ = in.Close(), out.Close()
		return err
	}
	p.process = &mapProcess{cmd: cmd, in: in, out: out, buf: bufio.NewReaderSize(out, mapAnswerBytesMax)}
	return nil
}

// ask writes a key and reads the line that answers it.
func (p *mapProcess) ask(a mapAsk) (string, error) {
	// Pipes that know no deadlines fail when the process is killed.
	timer := time.AfterFunc(time.Until(a.until), func() { killMapProcess(p.cmd.Process) })
	defer timer.Stop()
	_, _ = p.in.SetWriteDeadline(a.until), p.out.SetReadDeadline(a.until)
	_, err := p.in.WriteString(a.key + "\n")
	var line []byte
	if err == nil {
		line, err = p.buf.ReadSlice('\n')
	}
	switch {
	case err == nil:
		return string(line[:len(line)-1]), nil
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errMapAnswer
	case !time.Now().Before(a.until):
		return "", errMapTime
	}
	return "", fmt.Errorf("it ended instead of answering: %w", err)
}

// end ends the process: it sees the end of its input, then it is killed.
func (p *mapProgram) end() {
	if p.process == nil {
		return
	}
	m := p.process
	p.process = nil
	_, _ = m.in.Close(), m.out.Close()
	timer := time.AfterFunc(mapEndTime, func() { killMapProcess(m.cmd.Process) })
	_ = m.cmd.Wait()
	timer.Stop()
	killMapProcess(m.cmd.Process) // what it has started
}
