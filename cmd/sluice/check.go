package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sluice/conf"
)

func checkCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check [--config FILE]",
		Short: "Report all faults of a configuration, each with its file, line and column",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := conf.Load(file, conf.Overrides{})
			if err != nil {
				return exitWith(exitConfig, describeFaults(file, err))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is right: %d site(s), listening on %s\n", file, len(cfg.Sites), addresses(cfg.Listen))
			return err
		},
	}
	cmd.Flags().StringVar(&file, "config", "sluice.toml", "the file to check")
	return cmd
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
