package site

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/gateway"
	"sluice/rewrite"
)

// PHPVariant is PHP with other settings than the site's.
type PHPVariant struct {
	PHP *gateway.Options
	// BodyMax bounds a request's content in octets, as these settings do; 0: as
	// the site does.
	BodyMax int64
}

// variant is a loop's part of a PHPVariant.
type variant struct {
	php     *gateway.Local
	bodyMax int64
}

// phpFor is the PHP that a request's php_value and php_flag lines ask for: its
// own workers, so that no value ever sticks to one that serves others.
func (x *Exchange) phpFor(a *rewrite.Answer) *variant {
	s := x.site
	if len(a.Config.PHP()) == 0 {
		return &s.plain
	}
	if v := s.variants[a.Config]; v != nil {
		return v
	}
	ini := iniOf(a.Config.PHP())
	key := iniKey(ini, "\n", "\n") // which no line of a .htaccess has
	v := s.variantsByIni[key]
	if v == nil {
		v = s.newVariant(x, ini)
		if s.variantsByIni == nil {
			s.variantsByIni = map[string]*variant{}
		}
		s.variantsByIni[key] = v
	}
	if s.variants == nil || len(s.variants) >= variantConfigsMax {
		s.variants = map[*rewrite.Config]*variant{}
	}
	s.variants[a.Config] = v
	return v
}

// newVariant asks for workers; without them the request gets the site's own.
func (s *local) newVariant(x *Exchange, ini map[string]string) *variant {
	err := errors.New("PHP is not run by sluice; set them there")
	if s.opts.PHPVariant != nil {
		var made PHPVariant
		if made, err = s.opts.PHPVariant(ini); err == nil && made.PHP != nil {
			return &variant{made.PHP.On(s.loop), made.BodyMax}
		}
	}
	if err != nil {
		x.Stream.Report(Report{Site: x.Site(), Script: string(x.plan.File), Err: fmt.Errorf("site: php_value and php_flag (%s) are not in force: %w", iniKey(ini, "=", ", "), err)})
	}
	return &s.plain
}

// iniOf gives the settings that count: the last of a name.
func iniOf(list []rewrite.PHPValue) map[string]string {
	ini := map[string]string{}
	for _, v := range list {
		value := v.Value
		if v.Flag {
			value = "0"
			if strings.EqualFold(v.Value, "on") || strings.EqualFold(v.Value, "true") || strings.EqualFold(v.Value, "yes") || v.Value == "1" {
				value = "1"
			}
		}
		switch name := strings.ToLower(v.Name); {
		case name == "engine": // the rules know it
		case !v.Flag && strings.EqualFold(value, "none"): // unset, as mod_php has it
			delete(ini, name)
		default:
			ini[name] = value
		}
	}
	return ini
}

func iniKey(ini map[string]string, is, and string) string {
	var list []string
	for name, value := range ini {
		list = append(list, name+is+value)
	}
	slices.Sort(list)
	return strings.Join(list, and)
}
