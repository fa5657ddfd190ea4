package php

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// configuredLine reads a setting of "php-fpm -i" ("name => here => everywhere")
// and of "php-cgi -i", which says the same in HTML.
var configuredLine = regexp.MustCompile(`(?m)^(?:<tr><td class="e">)?([a-z_.]+)(?:</td><td class="v">.*?</td><td class="v">(.*)</td></tr>| => .* => (.*))\s*$`)

// configuredNames are the settings that Configured tells.
var configuredNames = map[string]bool{"session.save_handler": true, "open_basedir": true}

// answers remembers what programs have said: many sites have the same PHP.
var answers = struct {
	sync.Mutex
	by map[string]configuredAnswer
}{by: map[string]configuredAnswer{}}

type configuredAnswer struct {
	at       time.Time
	settings map[string]string
}

// Configured asks a program for the values that php.ini and the files beside it
// give session.save_handler and open_basedir. env is what Options.Env will be:
// PHPRC and PHP_INI_SCAN_DIR say which files. It runs the program unless it has
// just done so.
func Configured(ctx context.Context, bin Binary, env map[string]string) (map[string]string, error) {
	key := strings.Join([]string{bin.Path, env["PHPRC"], env["PHP_INI_SCAN_DIR"]}, "\x00")
	answers.Lock()
	defer answers.Unlock()
	if a, ok := answers.by[key]; ok && time.Since(a.at) < configuredAge {
		return a.settings, nil
	}
	settings, err := askConfigured(ctx, bin, env)
	if err != nil {
		return nil, err
	}
	answers.by[key] = configuredAnswer{time.Now(), settings}
	return settings, nil
}

func askConfigured(ctx context.Context, bin Binary, env map[string]string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin.Path, "-i")
	cmd.Dir = filepath.Dir(bin.Path) // a php.ini in our own folder is none of theirs
	for _, name := range passedEnv {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	for _, name := range []string{"PHPRC", "PHP_INI_SCAN_DIR"} {
		if value, ok := env[name]; ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	var out bytes.Buffer
	cmd.Stdout = &limitedWriter{w: &out, left: answerMaxBytes}
	cmd.WaitDelay = dialRetry
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("php: %q -i: %w", bin.Path, err)
	}
	return parseConfigured(out.Bytes())
}

var errNotTold = errors.New("php: -i tells no settings")

func parseConfigured(out []byte) (map[string]string, error) {
	settings, told := map[string]string{}, false
	for _, m := range configuredLine.FindAllSubmatch(out, -1) {
		name, value := string(m[1]), string(m[3])
		if !configuredNames[name] {
			continue
		}
		told = true
		if m[2] != nil {
			value = html.UnescapeString(string(m[2]))
		}
		if value != "no value" && value != "<i>no value</i>" {
			settings[name] = value
		}
	}
	if !told { // a PHP without sessions has open_basedir
		return nil, errNotTold
	}
	return settings, nil
}
