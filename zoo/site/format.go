package site

import (
	"fmt"
	"strconv"
	"strings"
)

// formatBytes returns a size in decimal units, as download pages do.
func formatBytes(size int64) string {
	value, unit := float64(size), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", size)
	}
	if value >= 999.5 {
		return fmt.Sprintf("%.0f %s", value, unit)
	}
	return fmt.Sprintf("%.3g %s", value, unit)
}

// formatCount returns a number with its digits in groups of three.
func formatCount(number int64) string {
	digits := strconv.FormatInt(number, 10)
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, groups...), "\u202f") // a narrow space that does not break
}

// formatPercent returns a percentage with the digits that were published, and at least two after the point.
func formatPercent(value float64) string {
	if value == 0 {
		return "–"
	}
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if short := strconv.FormatFloat(value, 'f', 2, 64); len(short) > len(text) {
		return short
	}
	return text
}

// formatNumber returns a number with at most three significant digits, such as 3.93e-06, for figures of verdicts and epsilons.
func formatNumber(value float64) string { return strconv.FormatFloat(value, 'g', 3, 64) }

// shortCount returns a number of parameters with three digits and a letter for the magnitude: "86.5 M".
func shortCount(number int64) string {
	value := float64(number)
	for _, unit := range []string{"", " k", " M", " G"} {
		if value < 999.5 || unit == " G" {
			return strconv.FormatFloat(value, 'g', 3, 64) + unit
		}
		value /= 1000
	}
	return ""
}

// linkable reports whether a browser can open an address.
func linkable(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}
