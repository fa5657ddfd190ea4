//go:build linux

package integration

import (
	"bytes"
	"crypto/md5" // phpMyAdmin names form fields by it
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pmaConfig logs in by cookie, and from its configuration for those who come
// by the name localhost.
const pmaConfig = `<?php
$cfg['blowfish_secret'] = '0123456789abcdef0123456789abcdef';
$cfg['TempDir'] = '%[1]s';
$cfg['VersionCheck'] = false;
$cfg['PmaNoRelation_DisableWarning'] = true;
$cfg['SendErrorReports'] = 'never';
$i = 1;
$cfg['Servers'][$i]['host'] = 'localhost';
$cfg['Servers'][$i]['socket'] = '%[2]s';
$cfg['Servers'][$i]['auth_type'] = strpos($_SERVER['HTTP_HOST'], 'localhost') === 0 ? 'config' : 'cookie';
$cfg['Servers'][$i]['user'] = 'keeper';
$cfg['Servers'][$i]['password'] = 'pass "word" ü';
`

// phpMyAdmin is a running copy and who is logged in.
type phpMyAdmin struct {
	*server
	db    *database
	agent *agent
	token string
}

func TestPhpMyAdmin(t *testing.T) {
	m := installPhpMyAdmin(t)
	steps := []struct {
		name string
		run  func(*testing.T, *phpMyAdmin)
	}{
		{"config login", pmaConfigLogin},
		{"cookie login", pmaCookieLogin},
		{"private folders", pmaPrivate},
		{"create", pmaCreate},
		{"insert and browse", pmaInsert},
		{"import and export 20 MB", pmaImportExport},
		{"logout", pmaLogout},
	}
	for _, step := range steps {
		ok := t.Run(step.name, func(t *testing.T) {
			m.agent.t = t
			step.run(t, m)
		})
		if !ok {
			t.Fatalf("step %q failed; the rest stands on it", step.name)
		}
	}
}

func installPhpMyAdmin(t *testing.T) *phpMyAdmin {
	t.Helper()
	const source = "/usr/share/phpmyadmin"
	needDir(t, source)
	db := startMariaDB(t)
	db.run(t, `CREATE USER 'keeper'@'localhost' IDENTIFIED BY 'pass "word" ü';
		GRANT ALL ON *.* TO 'keeper'@'localhost' WITH GRANT OPTION;`)
	dir := workDir(t)
	root := filepath.Join(dir, "phpmyadmin")
	copyTree(t, source, root)
	tmp := makeDir(t, filepath.Join(dir, "tmp"))
	writeFile(t, filepath.Join(root, "config.inc.php"), fmt.Sprintf(pmaConfig, tmp, db.sock))
	// Debian's copy looks for its configuration in /etc.
	vendor := filepath.Join(root, "libraries/vendor_config.php")
	text, err := os.ReadFile(vendor)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("'/etc/phpmyadmin/config.inc.php'"), []byte("ROOT_PATH . 'config.inc.php'"))
	text = bytes.ReplaceAll(text, []byte("'/var/lib/phpmyadmin/tmp/'"), []byte("'"+tmp+"/'"))
	writeFile(t, vendor, string(text))
	s := startHost(t, site{root: root, bodyMiB: 64, ini: map[string]string{
		"post_max_size": "64M", "upload_max_filesize": "64M", "memory_limit": "256M",
		"session.save_path": makeDir(t, filepath.Join(dir, "sessions")), "upload_tmp_dir": makeDir(t, filepath.Join(dir, "upload")),
	}})
	return &phpMyAdmin{server: s, db: db, agent: newAgent(t, s)}
}

func (m *phpMyAdmin) remember(t *testing.T, p page) {
	t.Helper()
	m.token = p.find(t, `name="token" value="([^"]+)"`)
}

// send posts a form as the page's JavaScript does and wants success.
func (m *phpMyAdmin) send(t *testing.T, route string, form url.Values) string {
	t.Helper()
	form.Set("token", m.token)
	form.Set("ajax_request", "1")
	form.Set("server", "1")
	p := m.agent.post("/index.php?route="+route, form)
	return m.success(t, route, p)
}

func (m *phpMyAdmin) success(t *testing.T, route string, p page) string {
	t.Helper()
	p.want(t, http.StatusOK)
	var reply struct {
		Success        bool
		Error, Message string
	}
	if err := json.Unmarshal([]byte(p.body), &reply); err != nil || !reply.Success {
		t.Fatalf("phpmyadmin %s: %v: %s %s", route, err, excerpt(reply.Error), excerpt(p.body))
	}
	return p.body
}

func pmaConfigLogin(t *testing.T, m *phpMyAdmin) {
	guest := newAgent(t, m.server)
	p := guest.get("http://localhost:"+m.port()+"/").want(t, http.StatusOK, "keeper@localhost")
	if strings.Contains(p.body, "pma_password") {
		t.Fatal("the configured login still asks for a password")
	}
}

func pmaCookieLogin(t *testing.T, m *phpMyAdmin) {
	login := m.agent.get("/").want(t, http.StatusOK, "pma_password")
	form := func(password, token string) url.Values {
		return url.Values{
			"pma_username": {"keeper"}, "pma_password": {password}, "server": {"1"}, "target": {"index.php"},
			"token": {token}, "set_session": {login.find(t, `name="set_session" value="([^"]+)"`)},
		}
	}
	m.remember(t, login)
	refused := m.agent.post("/index.php?route=/", form("wrong", m.token)).want(t, http.StatusOK, "Cannot log in")
	m.remember(t, refused)
	p := m.agent.post("/index.php?route=/", form(`pass "word" ü`, m.token)).want(t, http.StatusOK, "keeper@localhost")
	m.remember(t, p)
	// The assets of the page, by static file and by PHP, are all there.
	checked := 0
	for _, part := range strings.Split(p.body, `"`) {
		own := strings.HasPrefix(part, "js/") || strings.Contains(part, ".css?")
		if !own || strings.Contains(part, "://") {
			continue
		}
		checked++
		m.agent.get("/"+strings.ReplaceAll(strings.TrimPrefix(part, "./"), "&amp;", "&")).want(t, http.StatusOK)
	}
	if checked < 10 {
		t.Fatalf("only %d assets named in the page", checked)
	}
}

// pmaPrivate checks that what Debian's apache.conf denies stays inside.
func pmaPrivate(t *testing.T, m *phpMyAdmin) {
	if !hostIsSluice() {
		t.Skip("the oracles would need phpMyAdmin's own configuration file for this")
	}
	for _, target := range []string{
		"/libraries/vendor_config.php", "/libraries/classes/Config.php", "/templates/home/index.twig",
		"/libraries/vendor_config.php/x", "/.htaccess", "/sql/../libraries/vendor_config.php",
	} {
		if a := get(t, m.server, target); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
			t.Errorf("%s: status %d, want 403 or 404", target, a.status)
		}
	}
}

func pmaCreate(t *testing.T, m *phpMyAdmin) {
	m.send(t, "/server/databases/create", url.Values{"new_db": {"gate"}, "db_collation": {"utf8mb4_general_ci"}})
	m.send(t, "/table/create", url.Values{
		"db": {"gate"}, "table": {"levels"}, "do_save_data": {"1"}, "orig_num_fields": {"2"}, "num_fields": {"2"},
		"field_name[0]": {"id"}, "field_type[0]": {"INT"}, "field_length[0]": {""}, "field_default_type[0]": {"NONE"},
		"field_extra[0]": {"AUTO_INCREMENT"}, "field_key[0]": {"primary_0"}, "primary_indexes": {`[{"columns":[{"col_index":"0","size":""}],"Index_choice":"PRIMARY"}]`},
		"field_name[1]": {"note"}, "field_type[1]": {"VARCHAR"}, "field_length[1]": {"200"}, "field_default_type[1]": {"NONE"},
		"indexes": {"[]"}, "unique_indexes": {"[]"}, "fulltext_indexes": {"[]"}, "spatial_indexes": {"[]"},
		"tbl_storage_engine": {"InnoDB"}, "comment": {""},
	})
	if got := m.db.run(t, "SHOW TABLES IN gate"); got != "levels" {
		t.Fatalf("tables of the new database: %q", got)
	}
}

func pmaInsert(t *testing.T, m *phpMyAdmin) {
	const note = `4 m & rising <"fast"> ünï 漢字`
	key := func(field string) string {
		sum := md5.Sum([]byte(field))
		return "[multi_edit][0][" + hex.EncodeToString(sum[:]) + "]"
	}
	m.send(t, "/table/replace", url.Values{
		"db": {"gate"}, "table": {"levels"}, "submit_type": {"insert"}, "after_insert": {"back"}, "goto": {"index.php?route=/table/sql"},
		"fields_name" + key("id"): {"id"}, "fields_type" + key("id"): {"int"}, "fields" + key("id"): {""}, "auto_increment" + key("id"): {"1"},
		"fields_name" + key("note"): {"note"}, "fields_type" + key("note"): {"varchar"}, "fields" + key("note"): {note},
		"clause_is_unique": {"1"}, "sql_query": {""}, "ajax_page_request": {"1"},
	})
	if got := m.db.run(t, "SET NAMES utf8mb4; SELECT note FROM gate.levels"); got != note {
		t.Fatalf("inserted %q, want %q", got, note)
	}
	p := m.agent.get("/index.php?" + url.Values{"route": {"/sql"}, "db": {"gate"}, "table": {"levels"}, "pos": {"0"}}.Encode())
	p.want(t, http.StatusOK, "4 m &amp; rising", "ünï 漢字", "Showing rows 0 -  0 (1 total")
}

// dumpBytesMin is the "20 MB".
const dumpBytesMin = 20_000_000

// makeDump is a dump whose rows hold what is hard to quote.
func makeDump() []byte {
	var b bytes.Buffer
	b.WriteString("CREATE TABLE flow (id INT PRIMARY KEY, litres DOUBLE, note TEXT, raw BLOB) DEFAULT CHARSET=utf8mb4;\n")
	id, seed := 0, uint32(7)
	for b.Len() < dumpBytesMin {
		b.WriteString("INSERT INTO flow VALUES ")
		for row := range 200 {
			if row > 0 {
				b.WriteString(",")
			}
			id++
			seed = seed*1664525 + 1013904223
			fmt.Fprintf(&b, "(%d,%d.5,'it''s \\\\ %d; -- \"ü\" \\n %s',0x%08x00ff)", id, seed%1000, seed, strings.Repeat("water ", int(seed>>28)*8), seed)
		}
		b.WriteString(";\n")
	}
	return b.Bytes()
}

func pmaImportExport(t *testing.T, m *phpMyAdmin) {
	dump := makeDump()
	m.db.run(t, "CREATE DATABASE want; USE want;\n"+string(dump))
	m.send(t, "/server/databases/create", url.Values{"new_db": {"imported"}, "db_collation": {"utf8mb4_general_ci"}})
	contentType, body := multipartBody(t, map[string]string{
		"token": m.token, "ajax_request": "1", "server": "1", "db": "imported", "import_type": "database", "noplugin": "6502f0a1b2c3d",
		"format": "sql", "charset_of_file": "utf-8", "allow_interrupt": "yes", "skip_queries": "0",
		"sql_compatibility": "NONE", "sql_no_auto_value_on_zero": "something", "MAX_FILE_SIZE": "67108864", "fk_checks": "0",
	}, upload{"import_file", "flow.sql", "application/sql", dump})
	m.success(t, "/import", m.agent.do("POST", "/index.php?route=/import", contentType, bytes.NewReader(body)))
	want := m.db.run(t, "CHECKSUM TABLE want.flow; SELECT COUNT(*) FROM want.flow")
	sameTable(t, m, "imported", want)

	p := m.agent.post("/index.php?route=/export", url.Values{
		"token": {m.token}, "server": {"1"}, "db": {"imported"}, "export_type": {"database"}, "export_method": {"quick"},
		"quick_or_custom": {"quick"}, "what": {"sql"}, "table_select[]": {"flow"}, "table_structure[]": {"flow"}, "table_data[]": {"flow"},
		"output_format": {"sendit"}, "filename_template": {"@DATABASE@"}, "charset": {"utf-8"}, "compression": {"none"}, "maxsize": {""},
		"sql_include_comments": {"something"}, "sql_structure_or_data": {"structure_and_data"}, "sql_create_table": {"something"},
		"sql_auto_increment": {"something"}, "sql_backquotes": {"something"}, "sql_type": {"INSERT"}, "sql_insert_syntax": {"both"},
		"sql_max_query_size": {"50000"}, "sql_hex_for_binary": {"something"}, "sql_utc_time": {"something"},
	}).want(t, http.StatusOK, "CREATE TABLE", "-- phpMyAdmin SQL Dump")
	if got := p.header.Get("Content-Disposition"); !strings.Contains(got, `filename="imported.sql"`) {
		t.Fatalf("export came as %q", got)
	}
	if len(p.body) < dumpBytesMin*9/10 {
		t.Fatalf("export has %d bytes, the import had %d", len(p.body), len(dump))
	}
	m.db.run(t, "CREATE DATABASE again; USE again;\n"+p.body)
	sameTable(t, m, "again", want)
}

func sameTable(t *testing.T, m *phpMyAdmin, db, want string) {
	t.Helper()
	got := m.db.run(t, "CHECKSUM TABLE "+db+".flow; SELECT COUNT(*) FROM "+db+".flow")
	if got = strings.Replace(got, db+".flow", "want.flow", 1); got != want {
		t.Fatalf("%s.flow: checksum and rows %q, want %q", db, got, want)
	}
}

func pmaLogout(t *testing.T, m *phpMyAdmin) {
	m.agent.post("/index.php?route=/logout", url.Values{"token": {m.token}, "server": {"1"}}).want(t, http.StatusOK, "pma_password")
	m.agent.get("/").want(t, http.StatusOK, "pma_password")
}
