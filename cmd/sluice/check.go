package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"

	"sluice/conf"
	"sluice/host"
	"sluice/rewrite"
	"sluice/site"
)

func checkCommand() *cobra.Command {
	var file string
	var flags conf.Overrides
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [DIR | --config FILE]",
		Short: "Report all faults of a configuration, or of the .htaccess files below a folder, at once",
		Long: `Report all faults at once, each with its file and line.

With DIR, every .htaccess below it is read as serve would read it (folders
behind symbolic links are not entered). Symbolic links of the document root that
serve does not follow are warned of. With --config, the configuration is
checked, and the .htaccess files of its sites by their allow_override.

The exit code is 3 when there are errors: a .htaccess with one makes every
request below its folder 500.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := refuseEmpty(cmd, args); err != nil {
				return err
			}
			switch {
			case len(args) > 1:
				return exitWith(exitUsage, fmt.Errorf("check takes one folder, not %d", len(args)))
			case len(args) == 1 && cmd.Flags().Changed("config"):
				return exitWith(exitUsage, errors.New("check takes a folder or --config, not both"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var c htaccessCheck
			if len(args) == 1 {
				if err := c.folder(args[0], flags); err != nil {
					return err
				}
			} else if err := c.config(file, flags); err != nil {
				return err
			}
			c.sort()
			return c.tell(cmd.OutOrStdout(), asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "sluice.toml", "the file to check")
	f.StringVar(&flags.Override, "allow-override", "", "All (default), None or classes of directives: what .htaccess files may say")
	f.StringArrayVar(&flags.ProxyTo, "proxy-to", nil, "host[:port], unix:/path or * that [P] of .htaccess may pass requests on to (can be repeated)")
	f.BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return cmd
}

// folder checks the files below a folder, as given to serve.
func (c *htaccessCheck) folder(dir string, flags conf.Overrides) error {
	cfg, err := configuration("", []string{dir}, flags)
	if err != nil {
		return err
	}
	s := &cfg.Sites[0]
	c.links(s)
	if len(s.AllowOverride) == 0 {
		c.good = "allow_override is None: .htaccess files are not read"
		return nil
	}
	return c.walk(s.Dir, dialectOf(s))
}

// dialectOf is how a site's files are read.
func dialectOf(s *conf.Site) *rewrite.Dialect {
	return site.Dialect(host.Overrides(s.AllowOverride), len(s.ProxyTo) > 0)
}

// config checks a configuration, then the files of its sites.
func (c *htaccessCheck) config(file string, flags conf.Overrides) error {
	cfg, err := conf.Load(file, flags)
	if err != nil {
		return exitWith(exitConfig, describeFaults(file, err))
	}
	c.good = fmt.Sprintf("%s is right: %d site(s), listening on %s", file, len(cfg.Sites), addresses(cfg.Listen))
	for i := range cfg.Sites {
		s := &cfg.Sites[i]
		c.links(s)
		if len(s.AllowOverride) == 0 {
			continue
		}
		roots := []string{s.Root}
		for _, a := range s.Aliases {
			roots = append(roots, a.Dir)
		}
		for _, root := range roots {
			if err := c.walk(root, dialectOf(s)); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell prints the findings and a summary. The error is that of the exit code.
func (c *htaccessCheck) tell(w io.Writer, asJSON bool) error {
	write := c.print
	if asJSON {
		write = c.printJSON
	}
	if err := write(w); err != nil {
		return err
	}
	var faults *multierror.Error
	for _, f := range c.findings {
		if f.Level == rewrite.Broken {
			faults = multierror.Append(faults, f)
		}
	}
	if faults == nil {
		return nil
	}
	faults.ErrorFormat = func(list []error) string {
		return fmt.Sprintf("%d error(s) in .htaccess files: every request below their folders is answered by 500", len(list))
	}
	return exitWith(exitConfig, faults)
}

func (c *htaccessCheck) print(w io.Writer) error {
	var b strings.Builder
	if c.good != "" {
		b.WriteString(c.good + "\n")
	}
	for _, f := range c.findings {
		b.WriteString(f.File)
		if f.Line > 0 { // else it is about the file as such
			fmt.Fprintf(&b, ":%d", f.Line)
		}
		fmt.Fprintf(&b, ": %-7s  ", f.Level)
		if f.Directive != "" {
			b.WriteString(f.Directive + ": ")
		}
		b.WriteString(f.Message + "\n")
	}
	fmt.Fprintf(&b, "%d .htaccess file(s): %d error(s), %d warning(s), %d directive(s) skipped\n",
		c.files, c.count(rewrite.Broken), c.count(rewrite.Warning), c.count(rewrite.Skipped))
	_, err := io.WriteString(w, b.String())
	return err
}

// findingJSON is a finding as --json prints it.
type findingJSON struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Level     string `json:"level"`
	Directive string `json:"directive"`
	Message   string `json:"message"`
}

func (c *htaccessCheck) printJSON(w io.Writer) error {
	list := []findingJSON{}
	for _, f := range c.findings {
		list = append(list, findingJSON{f.File, f.Line, f.Level.String(), f.Directive, f.Message})
	}
	return encodeJSON(w, struct {
		Files    int           `json:"files"`
		Errors   int           `json:"errors"`
		Warnings int           `json:"warnings"`
		Skipped  int           `json:"skipped"`
		Findings []findingJSON `json:"findings"`
	}{c.files, c.count(rewrite.Broken), c.count(rewrite.Warning), c.count(rewrite.Skipped), list})
}

func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// describeFaults lists every fault on a line of its own.
func describeFaults(what string, err error) error {
	faults := conf.Faults(err)
	if len(faults) == 0 {
		return err
	}
	var b strings.Builder
	if len(faults) == 1 {
		fmt.Fprintf(&b, "%s has a fault:", what)
	} else {
		fmt.Fprintf(&b, "%s has %d faults:", what, len(faults))
	}
	for _, f := range faults {
		b.WriteString("\n  " + f.Error())
	}
	return errors.New(b.String())
}

func addresses(list []conf.Listen) string {
	var s []string
	for _, l := range list {
		s = append(s, l.String())
	}
	return strings.Join(s, ", ")
}
