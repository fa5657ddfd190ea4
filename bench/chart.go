//go:build linux

package main

import (
	"bytes"
	"fmt"
	"html"
)

// Lengths in the chart, in SVG's user units.
const (
	chartLabel  = 250 // left of the bars
	chartBar    = 300 // of the longest bar in a panel
	chartGap    = 90  // between the panels, for the figures
	chartRow    = 18
	chartMargin = 20
	chartTop    = 76
)

// chartColours are told apart in light and dark, and in shades of grey.
var chartColours = map[string]string{
	"sluice": "#0b7fab", "nginx": "#8aa35b", "apache": "#c76b5a", "debian": "#d99a8e", "lighttpd": "#b39ddb", "bare": "#9aa5ad",
	"uring": "#6cc0de", "epoll": "#6cc0de", "caddy": "#d9a441",
}

// chart draws each scenario's requests per second and CPU per request as
// shares of nginx's, of Apache's where nginx did not run, or of the first peer's.
func (r *report) chart() []byte {
	var rows bytes.Buffer
	y := chartTop
	last := ""
	for _, res := range r.Results {
		if res.Title != last {
			y += chartRow / 2
			fmt.Fprintf(&rows, "<text class=\"s\" x=\"%d\" y=\"%d\">%s</text>\n", chartMargin, y+13, html.EscapeString(res.Title))
			last = res.Title
			y += chartRow
		}
		base := r.base(res.Scenario)
		fmt.Fprintf(&rows, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", chartLabel-10, y+12, html.EscapeString(res.Peer))
		r.bar(&rows, chartLabel, y, res, share(res.Median.RPS, base.RPS), r.widest(res.Scenario, func(m, b sample) float64 { return share(m.RPS, b.RPS) }),
			fmt.Sprintf("%.0f/s", res.Median.RPS))
		r.bar(&rows, chartLabel+chartBar+chartGap, y, res, share(res.Median.CPU, base.CPU), r.widest(res.Scenario, func(m, b sample) float64 { return share(m.CPU, b.CPU) }),
			fmt.Sprintf("%.1f µs", res.Median.CPU))
		y += chartRow
	}
	width, height := chartLabel+2*(chartBar+chartGap)+chartMargin, y+2*chartMargin
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="Requests per second and CPU per request">
<style>text{fill:#16222d}.s{font-weight:600}.q{fill:#5a6b7b}.g{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#e4ecf2}.q{fill:#9fb0be}.g{fill:#10181f}}</style>
<rect class="g" width="100%%" height="100%%"/>
<text class="s" x="%d" y="30" font-size="16">sluice beside other servers</text>
<text class="q" x="%d" y="50">%s; medians of %d runs of %d s; %d php workers each</text>
<text class="s" x="%d" y="%d">Requests per second (longer is better)</text>
<text class="s" x="%d" y="%d">CPU per request, without php (shorter is better)</text>
`, width, height, chartMargin, chartMargin, html.EscapeString(r.Machine["cpus"]+" CPUs, "+r.Machine["cpu"]+", "+r.Date), r.Rounds, r.Seconds, r.Workers,
		chartLabel, chartTop-4, chartLabel+chartBar+chartGap, chartTop-4)
	b.Write(rows.Bytes())
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func (r *report) bar(b *bytes.Buffer, x, y int, res result, part, widest float64, text string) {
	length := 0.0
	if widest > 0 {
		length = part / widest * chartBar
	}
	if !res.Median.clean() {
		text += " (errors)"
	}
	fmt.Fprintf(b, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" fill=\"%s\"/>\n", x, y+2, length, chartRow-5, chartColours[res.Peer])
	fmt.Fprintf(b, "<text class=\"q\" x=\"%.1f\" y=\"%d\">%s</text>\n", float64(x)+length+5, y+12, text)
}

// base is what a scenario's bars are measured by.
func (r *report) base(scenario string) sample {
	for _, peer := range []string{"nginx", "apache"} {
		if m, ok := r.of(scenario, peer); ok {
			return m
		}
	}
	for _, res := range r.Results {
		if res.Scenario == scenario {
			return res.Median
		}
	}
	return sample{}
}

// widest is the largest share in a scenario's part of a panel.
func (r *report) widest(scenario string, of func(m, base sample) float64) float64 {
	w := 0.0
	for _, res := range r.Results {
		if res.Scenario == scenario {
			w = max(w, of(res.Median, r.base(scenario)))
		}
	}
	return w
}

func share(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
