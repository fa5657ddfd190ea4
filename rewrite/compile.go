package rewrite

import (
	"errors"
	"fmt"
	"strings"
)

// Override is a set of AllowOverride classes.
type Override uint8

// The classes.
const (
	OverrideAuthConfig Override = 1 << iota
	OverrideFileInfo
	OverrideIndexes
	OverrideLimit
	OverrideOptions

	// OverrideNone reads no file at all.
	OverrideNone Override = 0
	// OverrideAll allows every directive that a .htaccess may have.
	OverrideAll = OverrideAuthConfig | OverrideFileInfo | OverrideIndexes | OverrideLimit | OverrideOptions

	overrideServer Override = 1 << 7 // server configuration only
)

// Dialect says how files are read: what the server pretends to be.
type Dialect struct {
	// Allowed are the classes of directives that a file may have.
	Allowed Override
	// Server marks text that stands for Apache's own configuration, where
	// server-only directives are allowed.
	Server bool
	// Modules are added to (or with "!" in front removed from) the modules
	// that IfModule finds.
	Modules []string
	// Defines are what IfDefine finds.
	Defines []string
	// IndexOptions checks the words of that directive; nil: any are taken.
	IndexOptions func(words []string) error
	// Exists answers IfFile; nil: no file exists.
	Exists func(path string) bool
}

// File is a compiled .htaccess, immutable, to be shared freely.
type File struct {
	Name string // for messages
	Dir  string // the directory it lies in, with a slash at the end
	// Fault is why the file is refused: every request below Dir is 500.
	Fault *Finding
	// Findings are remarks: skipped directives, warnings.
	Findings []Finding

	cfg    *Config
	server *rewriteConf // rules in server context
}

// Compile reads the text of a file that lies in dir. It never fails: a file that
// is refused has its Fault.
func Compile(text, name, dir string, d *Dialect) *File {
	if !strings.HasSuffix(dir, "/") {
		dir += "/"
	}
	f := &File{Name: name, Dir: dir, cfg: &Config{}}
	tree, fault := parseTree(name, text)
	if fault != nil {
		f.Fault = fault
		return f
	}
	c := &compiler{file: f, dialect: d}
	ctx := scope{cfg: f.cfg, path: dir, methods: allMethods}
	if d.Server {
		ctx.path = ""
	}
	c.block(tree, ctx)
	f.Fault = c.fault
	if r := f.cfg.rewrite; d.Server && r != nil {
		// Folders inherit the engine's state and options, never these rules.
		f.server = r
		f.cfg.rewrite = &rewriteConf{engine: r.engine, engineSet: r.engineSet, options: r.options, optionsSet: r.optionsSet}
	}
	return f
}

// CompileAll is Compile for a checker: it goes on after an error and reports all
// of them in Findings.
func CompileAll(text, name, dir string, d *Dialect) *File {
	if !strings.HasSuffix(dir, "/") {
		dir += "/"
	}
	f := &File{Name: name, Dir: dir, cfg: &Config{}}
	tree, fault := parseTree(name, text)
	if fault != nil {
		f.Fault = fault
		f.Findings = append(f.Findings, *fault)
		return f
	}
	c := &compiler{file: f, dialect: d, all: true}
	c.block(tree, scope{cfg: f.cfg, path: dir, methods: allMethods})
	f.Fault = c.fault
	return f
}

// Uses tells whether the file has any directive that is in force.
func (f *File) Uses() bool { return f.cfg != nil }

// scope is where a directive stands.
type scope struct {
	cfg     *Config
	path    string     // of rewrite rules: the directory, or a section's argument
	methods methodMask // of <Limit>
	require *authzSection
	inIf    bool
	inFiles bool
	// prevIf is the <If> that an <Else> belongs to.
	prevIf *section
}

type compiler struct {
	file    *File
	dialect *Dialect
	fault   *Finding
	all     bool
}

// directive describes one: how its arguments are cut and what it does.
type directive struct {
	override Override
	args     argShape
	apply    func(c *compiler, s *scope, n *node, args []string) error
}

type argShape struct {
	min, max int // max < 0: any number
	full     int // so many of the first words must not be empty
	raw      bool
	flag     bool // only the first word counts (FLAG of Apache)
}

var (
	take0    = argShape{min: 0, max: 0}
	take1    = argShape{min: 1, max: 1, full: 1}
	take2    = argShape{min: 2, max: 2, full: 2}
	take12   = argShape{min: 1, max: 2, full: 1}
	take23   = argShape{min: 2, max: 3, full: 3}
	take123  = argShape{min: 1, max: 3, full: 3}
	take2up  = argShape{min: 2, max: -1, full: 1}
	takeMany = argShape{min: 1, max: -1, full: 1}
	takeList = argShape{min: 1, max: -1} // as takeMany, of anything
	takeAny  = argShape{min: 0, max: -1}
	takeFlag = argShape{min: 1, max: 1, flag: true}
	takeRaw  = argShape{raw: true}
)

func (c *compiler) block(nodes []*node, s scope) {
	for _, n := range nodes {
		err := c.node(n, &s)
		if err == nil {
			continue
		}
		c.refuse(n, err)
		if !c.all {
			return
		}
	}
}

func (c *compiler) refuse(n *node, err error) {
	f := Finding{File: c.file.Name, Line: n.line, Directive: n.name, Message: err.Error(), Level: Broken}
	if c.fault == nil {
		c.fault = &f
	}
	if c.all {
		c.file.Findings = append(c.file.Findings, f)
	}
}

func (c *compiler) note(n *node, level Level, message string) {
	c.file.Findings = append(c.file.Findings,
		Finding{File: c.file.Name, Line: n.line, Directive: n.name, Message: message, Level: level})
}

func (c *compiler) node(n *node, s *scope) error {
	if n.section {
		return c.section(n, s)
	}
	d, ok := directives[n.key]
	if !ok {
		why, known := meaningless(n.key)
		if !known {
			return fmt.Errorf("invalid command '%s', perhaps misspelled or defined by a module not included in the server configuration", n.name)
		}
		c.note(n, Skipped, why)
		return nil
	}
	if err := c.allowed(d.override); err != nil {
		return err
	}
	args, err := d.args.cut(n.args)
	if err != nil {
		return err
	}
	return d.apply(c, s, n, args)
}

func (c *compiler) allowed(o Override) error {
	if c.dialect.Server {
		return nil
	}
	if o == overrideServer {
		return errors.New("not allowed here")
	}
	if o != 0 && c.dialect.Allowed&o == 0 {
		return errors.New("not allowed here (AllowOverride)")
	}
	return nil
}

func (a argShape) cut(s string) ([]string, error) {
	if a.raw {
		return nil, nil
	}
	if a.flag {
		w, _ := nextWord(s)
		return []string{w}, nil
	}
	args := words(s)
	switch {
	case a.max >= 0 && len(args) > a.max:
		if a.max == 0 {
			return nil, errors.New("takes no arguments")
		}
		return nil, fmt.Errorf("takes at most %d arguments, has %d", a.max, len(args))
	case len(args) < a.min:
		return nil, fmt.Errorf("takes at least %d arguments, has %d", a.min, len(args))
	}
	for i, w := range args {
		if w == "" && i < a.full {
			return nil, errors.New("takes no empty argument there")
		}
	}
	return args, nil
}

// onOff reads On or Off.
func onOff(s string) (bool, error) {
	switch toLower(s) {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, errors.New("must be On or Off")
}
