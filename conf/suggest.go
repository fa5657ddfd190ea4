package conf

import "strings"

// suggest returns the candidate nearest to a wrong word, "" if none is near.
func suggest(wrong string, candidates []string) string {
	best, bestDistance := "", suggestDistanceMax+1
	w := plain(wrong)
	for _, c := range candidates {
		d := distance(w, plain(c))
		// A short word is near to every other short word.
		if d < bestDistance && d <= max(1, len(c)/2) && d < len(w) {
			best, bestDistance = c, d
		}
	}
	return best
}

// plain takes away the differences in spelling that people make most.
func plain(s string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s))
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that lead from a to b (optimal string alignment).
func distance(a, b string) int {
	if len(a) > len(b)+suggestDistanceMax || len(b) > len(a)+suggestDistanceMax {
		return suggestDistanceMax + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
