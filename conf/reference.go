package conf

import (
	"fmt"
	"slices"
	"strings"
)

// Reference returns docs/configuration.md: every key of sluice.toml with its
// type, default and bounds, made from the tables that the reader uses.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	b.WriteString("\n## The server\n\nKeys at the top of the file, and in the tables named.\n")
	writeKeys(&b, "", serverKeys)
	b.WriteString("\n## Sites\n\nEach `[[site]]` is one web site. These keys stand in a `[[site]]` only:\n")
	var own, shared []key
	for _, k := range slices.Concat(siteKeys, pathProgramKeys, phpKeys, isolationKeys, fastcgiKeys, cgiKeys) {
		if k.siteOnly {
			own = append(own, k)
		} else {
			shared = append(shared, k)
		}
	}
	writeKeys(&b, "site.", own)
	b.WriteString("\n## Sites and their defaults\n\n" + referenceShared)
	writeKeys(&b, "", shared)
	b.WriteString(referenceTail)
	return b.String()
}

// writeKeys writes one table of keys for each table of the file.
func writeKeys(b *strings.Builder, prefix string, keys []key) {
	last := "?"
	for _, k := range keys {
		in := home(k)
		if in != last {
			last = in
			writeTableHead(b, prefix, in)
		}
		name := strings.TrimPrefix(strings.TrimPrefix(k.path, in), ".")
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", name, k.kindText(), k.defaultText(), k.boundsText(), k.about)
	}
}

// home is the table a key stands in: php.ini is a key of php whose value is a
// table.
func home(k key) string {
	if i := strings.LastIndexByte(k.path, '.'); i >= 0 {
		return k.path[:i]
	}
	return ""
}

func writeTableHead(b *strings.Builder, prefix, in string) {
	if in != "" {
		fmt.Fprintf(b, "\n### `[%s%s]`\n", prefix, in)
		if prefix == "" && topLevel.tables[in] != nil {
			b.WriteString("\n" + topLevel.tables[in].about + "\n")
		}
	}
	b.WriteString("\n| key | type | default | values | |\n| --- | --- | --- | --- | --- |\n")
}

func (k *key) kindText() string {
	switch {
	case k.kind == kindMap && k.multi:
		return "table of strings or lists"
	case k.kind == kindMap && k.loose:
		return "table of strings, integers, booleans"
	case k.kind == kindMap:
		return "table of strings"
	}
	return k.kind.String()
}

func (k *key) defaultText() string {
	switch {
	case k.defText != "":
		return k.defText
	case k.kind == kindMap:
		return "`{}`"
	}
	return "`" + k.def + "`"
}

// boundsText says which values are good.
func (k *key) boundsText() string {
	var s string
	switch k.kind {
	case kindChoice:
		return "`" + strings.Join(k.choices, "`, `") + "`"
	case kindInteger, kindSize, kindDuration:
		s = strings.Replace(k.bounds(), " to ", " – ", 1)
		if k.unit != "" {
			s += " " + k.unit
		}
	case kindText, kindFlag, kindList, kindMap:
	}
	if k.word != "" {
		s = "`" + k.word + "` or " + s
	}
	return s
}

const referenceHead = `# Configuration

<!-- Made from the tables in conf/ by ` + "`go test ./conf -update`" + `; do not edit. -->

sluice needs no configuration to serve one folder: ` + "`sluice serve DIR`" + ` finds out what is in it. For more, write a ` + "`sluice.toml`" + ` ([TOML](https://toml.io)) and give it with ` + "`--config`" + `; [sluice.example.toml](sluice.example.toml) is one to start from. ` + "`sluice check --config FILE`" + ` reports all its faults at once, with their lines and columns.

` + "```toml" + `
listen = [":80"]

[[site]]
names = ["example.org", "www.example.org"]
root = "/srv/example"

[site.php.ini]
memory_limit = "256M"
` + "```" + `

The rules:

- Unknown keys are faults, and so are keys of the table php that do nothing for the PHP a site has (or, at the top, for any site); nothing is silently ignored.
- A *size* is a string such as ` + "`\"64KiB\"`, `\"8MiB\"`, `\"1GiB\"`" + ` (units of 1024) or an integer of octets. A *duration* is a string such as ` + "`\"30s\"`, `\"1m30s\"`, `\"500ms\"`" + `.
- Where a list of strings is wanted, a single string stands for a list of one.
- Relative paths start from the folder of the file. Flags of the command line win over the file; relative paths in them start from the working directory.
- Every key takes effect at start.
`

const referenceShared = `These keys stand at the top of the file as defaults of all sites, or in a ` + "`[[site]]`" + ` for that site alone (` + "`[php]`" + ` is ` + "`[site.php]`" + ` there). A site's tables are merged with the defaults key by key; any other value takes the place of the default.
`

const referenceTail = `
## Patterns

` + "`no_php` and `deny`" + ` take patterns of paths. One that starts with ` + "`/`" + ` names a file or folder from the document root on and everything below it: ` + "`/wp-content/uploads`, `/sites/*/files`" + `. Any other is a file or folder name at any depth: ` + "`*.inc`, `composer.json`" + `. ` + "`*`" + ` stands for any characters within one segment, ` + "`?`" + ` for one. Letters match in either case.

## What is found in a folder

With ` + "`app = \"auto\"`" + `, and without a configuration, the first of these that fits:

| app | known by | document root | front controller | no scripts in |
| --- | --- | --- | --- | --- |
| ` + "`wordpress`" + ` | ` + "`wp-includes/version.php`, also below `web/wp`, `wordpress`, `wp`, `blog`" + ` | the folder, or its ` + "`web/`" + ` | ` + "`/index.php`" + ` | uploads, cache, upgrade and languages in ` + "`wp-content`" + ` |
| ` + "`drupal`" + ` | ` + "`core/lib/Drupal.php`" + `, or version 7's ` + "`includes/bootstrap.inc`" + ` | the folder, or its ` + "`web/` or `docroot/`" + ` | ` + "`/index.php`" + ` | ` + "`sites/*/files`, `sites/*/private`" + ` |
| ` + "`laravel`" + ` | ` + "`artisan` and `public/index.php`" + ` | ` + "`public/`" + ` | ` + "`/index.php`" + ` | ` + "`storage`" + ` |
| ` + "`symfony`" + ` | ` + "`bin/console` or `symfony.lock`, and `public/index.php`" + ` | ` + "`public/`" + ` | ` + "`/index.php`" + ` | ` + "`var`, `uploads`, `media/cache`" + ` |
| ` + "`phpmyadmin`" + ` | its ` + "`Version.php`" + ` | the folder, or ` + "`public/`" + ` | none | ` + "`tmp`, `upload`, `save`" + ` |
| ` + "`mediawiki`" + ` | ` + "`includes/Defines.php` and `load.php`" + ` | the folder | none | ` + "`images`" + ` |
| ` + "`dokuwiki`" + ` | ` + "`doku.php` and `inc/init.php`" + ` | the folder | none | ` + "`data`" + ` |
| ` + "`php`" + ` | ` + "`composer.json` and `public/index.php` (or `web/`, `webroot/`)" + ` | that folder | ` + "`/index.php`" + ` | |
| ` + "`php`" + ` | any ` + "`*.php`" + ` in the folder | the folder | none | |
| ` + "`static`" + ` | nothing of these | the folder | none | |

## Symbolic links

A link is followed if it ends in the document root, in an alias, or in one of the places that ` + "`follow_into`" + ` names. The document root itself may be a link, as ` + "`current`" + ` of a release is.

Unless ` + "`symlinks`" + ` says otherwise (` + "`auto`" + `), links that a recognised application is known to have are followed as well, as far as they are there when sluice starts:

| app | links |
| --- | --- |
| ` + "`wordpress`" + ` | ` + "`wp-content`, what is directly in it, each plugin and theme" + ` |
| ` + "`drupal`" + ` | ` + "`modules`, `themes`, `profiles`, `libraries`" + ` and what is in them, each site and its ` + "`files`" + ` |
| ` + "`mediawiki`" + ` | ` + "`extensions`, `skins`" + ` and what is in them, ` + "`images`, `config`, `mw-config`" + ` |
| ` + "`dokuwiki`" + ` | ` + "`lib/tpl`, `lib/plugins`" + ` and what is in them |
| ` + "`phpmyadmin`" + ` | each theme |
| ` + "`laravel`" + ` | ` + "`storage`; into `storage/app/public`" + ` also if the link is made later |
| ` + "`symfony`" + ` | ` + "`bundles`" + ` and what is in it, ` + "`uploads`" + ` |

Root or the owner of the target must have made the link. What is found is settled at the start: where a link is put in place of such a target, or on the way to it, nothing is followed into it until a reload; nor into the ` + "`storage/app/public`" + ` of another release, unless releases share it. What ` + "`follow_into`" + ` names may be a link that is switched. No link leads into what is the system's (` + "`/etc`, `/proc`, `/sys`, `/dev`, `/run`, `/var/log`; `/usr`, `/var`, `/home`, a home and the like as a whole" + `) or to a folder that contains the document root. Debian's ` + "`/usr/share/wordpress`, `/usr/share/phpmyadmin`, `/usr/share/mediawiki`, `/var/lib/mediawiki` and `/usr/share/dokuwiki`" + ` are known with the places their links lead into, and WordPress with its ` + "`/var/lib/wordpress/wp-content`" + `.

The banner says which places outside are followed into. Links at these places and at the top of the document root that are not followed are in the log once at the start, and in what ` + "`sluice check`" + ` prints, with the ` + "`follow_into`" + ` they would take. The folders that releases share are such links in an application that is not recognised: ` + "`follow_into = [\"/srv/app/shared/uploads\"]`" + `.
`
