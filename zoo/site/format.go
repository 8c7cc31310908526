package site

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
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

// shortDigest returns the first digits of a digest, enough to compare by eye.
func shortDigest(digest digest.Digest) string {
	hex := strings.TrimPrefix(string(digest), "sha256:")
	return hex[:min(len(hex), 12)]
}

// linkable reports whether a browser can open an address.
func linkable(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}
