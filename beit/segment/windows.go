package segment

// starts returns where the windows of an axis begin: every stride pixels, the last one at the end. If the axis is shorter than a window, there is one. Source:
// open-mmlab/mmsegmentation mmseg/models/segmentors/encoder_decoder.py, slide_inference.
func starts(size, window, stride int) []int {
	count := max(size-window+stride-1, 0)/stride + 1
	at := make([]int, count)
	for i := range at {
		at[i] = max(0, min(i*stride, size-window))
	}
	return at
}
