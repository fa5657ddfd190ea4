package host

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/gateway"
	"sluice/site"
)

// variantsMax bounds the sets of workers that .htaccess files can ask for by
// php_value and php_flag, per site.
const variantsMax = 8

// phpVariants are further sets of workers of a site, with other settings.
type phpVariants struct {
	site *conf.Site
	base *phpRunner
	log  *zap.Logger
	make func(*phpRunner) *gateway.Options

	mu   sync.Mutex
	made map[string]*phpVariant
}

type phpVariant struct {
	runner *phpRunner
	opts   *gateway.Options
}

// get returns the workers for some settings; they start in the background, and
// requests wait in their pool until then.
func (v *phpVariants) get(ini map[string]string) (site.PHPVariant, error) {
	ini, refused := changeable(ini)
	for _, name := range refused {
		v.log.Warn("a .htaccess sets what PHP takes from the server's configuration only", zap.String("setting", name))
	}
	if len(ini) == 0 {
		return site.PHPVariant{}, nil
	}
	var key strings.Builder
	for _, name := range sortedKeys(ini) {
		fmt.Fprintf(&key, "%s=%s\n", name, ini[name])
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	made := v.made[key.String()]
	if made == nil {
		if len(v.made) >= variantsMax {
			return site.PHPVariant{}, fmt.Errorf("a site has no more than %d sets of settings", variantsMax)
		}
		var err error
		if made, err = v.start(ini); err != nil {
			return site.PHPVariant{}, err
		}
		if v.made == nil {
			v.made = map[string]*phpVariant{}
		}
		v.made[key.String()] = made
	}
	out := site.PHPVariant{PHP: made.opts}
	if n, ok := phpBytes(ini["post_max_size"]); ok && v.site.BodyMax == conf.BodyFollowsPHP {
		out.BodyMax = n
	}
	return out, nil
}

func (v *phpVariants) start(ini map[string]string) (*phpVariant, error) {
	s := *v.site
	var workerIni map[string]string
	if v.base.fpm { // its master is not to read what a .htaccess says
		workerIni = ini
	} else {
		s.PHP.Ini = map[string]string{}
		maps.Copy(s.PHP.Ini, v.site.PHP.Ini)
		maps.Copy(s.PHP.Ini, ini)
	}
	r := &phpRunner{cfg: &s.PHP, log: v.base.log, plain: v.base.plain, bin: v.base.bin, where: v.base.where, fpm: v.base.fpm, isolation: v.base.isolation, workerIni: workerIni}
	if err := r.own(&s); err != nil {
		return nil, err
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), variantStartTime)
		defer cancel()
		if err := r.start(ctx); err != nil {
			r.pool.SetDown(err)
			v.log.Error("the workers for a .htaccess with php_value do not start", zap.Error(err))
			return
		}
		v.log.Info("further workers for a .htaccess with php_value", zap.Any("settings", ini), zap.Int("workers", r.conns))
	}()
	return &phpVariant{r, v.make(r)}, nil
}

const variantStartTime = 10 * time.Second

func (v *phpVariants) stop(grace time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.made {
		m.runner.stop(grace)
	}
}

// serverOnly are settings that PHP takes from the server's configuration only
// (PHP_INI_SYSTEM), or that sluice's view of a request depends on. A name that
// ends in "." stands for all that begin so.
var serverOnly = []string{
	"allow_url_fopen", "allow_url_include", "cgi.", "curl.cainfo", "disable_classes", "disable_functions", "doc_root", "enable_dl",
	"enable_post_data_reading", "expose_php", "extension", "extension_dir", "fastcgi.", "ffi.", "file_uploads", "hard_timeout", "max_file_uploads",
	"mail.force_extra_parameters", "opcache.", "open_basedir", "openssl.", "pcre.jit", "phar.cache_list", "realpath_cache_size", "realpath_cache_ttl",
	"sendmail_path", "sys_temp_dir", "upload_tmp_dir", "user_dir", "user_ini.", "zend.", "zend_extension",
}

// changeable parts settings into those that a .htaccess may change and others.
func changeable(ini map[string]string) (ok map[string]string, refused []string) {
	ok = map[string]string{}
	for name, value := range ini {
		isServer := slices.ContainsFunc(serverOnly, func(s string) bool {
			return name == s || strings.HasSuffix(s, ".") && strings.HasPrefix(name, s)
		})
		if isServer || strings.ContainsAny(value, "\x00\r\n") {
			refused = append(refused, name)
			continue
		}
		ok[name] = value
	}
	slices.Sort(refused)
	return ok, refused
}

// phpBytes reads a size of php.ini: octets, or with K, M or G.
func phpBytes(s string) (int64, bool) {
	digits := strings.TrimRight(s, "kKmMgG")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || len(s)-len(digits) > 1 {
		return 0, false
	}
	for _, unit := range []string{"gG", "mM", "kK"} {
		if len(digits) < len(s) && strings.ContainsAny(s, unit) {
			return n << (10 * (3 - slices.Index([]string{"gG", "mM", "kK"}, unit))), n < 1<<30
		}
	}
	return n, true
}
