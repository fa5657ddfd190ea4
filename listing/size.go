package listing

import "fmt"

// formatSize shows octets in four characters, as apr_strfsize does: up to 972 as
// they are, then with one decimal below ten units.
func formatSize(size int64) string {
	if size < 0 {
		return "  - "
	}
	if size < 973 {
		return fmt.Sprintf("%3d ", size)
	}
	for _, unit := range "KMGTPE" {
		rest := size & 1023
		size >>= 10
		if size >= 973 {
			continue
		}
		if size < 9 || size == 9 && rest < 973 {
			tenths := (rest*5 + 256) / 512
			if tenths >= 10 {
				size++
				tenths = 0
			}
			return fmt.Sprintf("%d.%d%c", size, tenths, unit)
		}
		if rest >= 512 {
			size++
		}
		return fmt.Sprintf("%3d%c", size, unit)
	}
	return "****"
}
