//go:build race

package front

// raceEnabled: the race detector allocates on its own account.
const raceEnabled = true
