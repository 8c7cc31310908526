package augment

import "github.com/beitzoo/beitzoo/beit/preprocess"

// table says which sample each sample becomes.
type table [256]uint8

// tableOf returns the table of a function, whose values are cut to 0 to 255.
func tableOf(f func(sample int) int) table {
	var t table
	for i := range t {
		t[i] = uint8(max(0, min(f(i), 255)))
	}
	return t
}

// mapped returns a picture with a table for each channel.
func mapped(p *preprocess.RGB8, channels [3]table) *preprocess.RGB8 {
	out := preprocess.NewRGB8(p.Width, p.Height)
	for i := 0; i+3 <= len(p.Pix); i += 3 {
		out.Pix[i], out.Pix[i+1], out.Pix[i+2] = channels[0][p.Pix[i]], channels[1][p.Pix[i+1]], channels[2][p.Pix[i+2]]
	}
	return out
}

// mappedAlike is mapped with one table for all channels.
func mappedAlike(p *preprocess.RGB8, f func(sample int) int) *preprocess.RGB8 {
	t := tableOf(f)
	return mapped(p, [3]table{t, t, t})
}

func identity(sample int) int { return sample }

// histograms counts the samples of each channel.
func histograms(p *preprocess.RGB8) (counts [3][256]int) {
	for i, v := range p.Pix {
		counts[i%3][v]++
	}
	return counts
}

// AutoContrast spreads the samples of each channel over 0 to 255, as ImageOps.autocontrast.
func AutoContrast(p *preprocess.RGB8) *preprocess.RGB8 {
	var channels [3]table
	for c, counts := range histograms(p) {
		low, high := 0, 255
		for low < 255 && counts[low] == 0 {
			low++
		}
		for high > 0 && counts[high] == 0 {
			high--
		}
		channels[c] = tableOf(identity)
		if high > low {
			scale := 255.0 / float64(high-low)
			offset := float64(-float64(low) * scale)
			channels[c] = tableOf(func(sample int) int { return int(float64(float64(sample)*scale) + offset) })
		}
	}
	return mapped(p, channels)
}

// Equalize makes the samples of each channel about equally frequent, as ImageOps.equalize.
func Equalize(p *preprocess.RGB8) *preprocess.RGB8 {
	var channels [3]table
	for c, counts := range histograms(p) {
		kinds, last, all := 0, 0, 0
		for _, count := range counts {
			if count > 0 {
				kinds, last, all = kinds+1, count, all+count
			}
		}
		channels[c] = tableOf(identity)
		step := (all - last) / 255
		if kinds <= 1 || step == 0 {
			continue
		}
		sum := step / 2
		channels[c] = tableOf(func(sample int) int { // in ascending order
			value := sum / step
			sum += counts[sample]
			return value
		})
	}
	return mapped(p, channels)
}

// Invert makes the negative, as ImageOps.invert.
func Invert(p *preprocess.RGB8) *preprocess.RGB8 {
	return mappedAlike(p, func(sample int) int { return 255 - sample })
}

// Posterize keeps the first bits of each sample, 0 to 8, as timm's posterize.
func Posterize(p *preprocess.RGB8, bits int) *preprocess.RGB8 {
	mask := 0xff << (8 - min(max(bits, 0), 8))
	return mappedAlike(p, func(sample int) int { return sample & mask })
}

// Solarize inverts samples from a threshold on, as ImageOps.solarize.
func Solarize(p *preprocess.RGB8, threshold int) *preprocess.RGB8 {
	return mappedAlike(p, func(sample int) int {
		if sample < threshold {
			return sample
		}
		return 255 - sample
	})
}

// SolarizeAdd adds a number to samples below 128, as timm's solarize_add.
func SolarizeAdd(p *preprocess.RGB8, add int) *preprocess.RGB8 {
	return mappedAlike(p, func(sample int) int {
		if sample < 128 {
			return min(255, sample+add)
		}
		return sample
	})
}
