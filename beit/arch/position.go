package arch

// RelativePositionIndex returns the row of the bias table for each pair of tokens: index[q*T+k] for query q and key k of T = height*width+1 tokens, the class
// token first. height and width are in patches. The index is not symmetric. The slice belongs to the caller. Source: microsoft/unilm
// beit/modeling_finetune.py, Attention.__init__.
func RelativePositionIndex(height, width int) []int64 {
	tokens := height*width + 1
	index := make([]int64, tokens*tokens)
	for q := range tokens {
		RelativePositionRow(index[q*tokens:(q+1)*tokens], height, width, q)
	}
	return index
}

// RelativePositionRow fills line, of T entries, with the part of [RelativePositionIndex] for one query. Use it where the whole index, of T*T entries, is too
// large: for images of 512 pixels it takes 8 MB.
func RelativePositionRow(line []int64, height, width, query int) {
	rows := int64((2*height-1)*(2*width-1) + 3)
	if query == 0 {
		for k := range line {
			line[k] = rows - 3
		}
		line[0] = rows - 1
		return
	}
	y, x := (query-1)/width, (query-1)%width
	line[0] = rows - 2
	for ky := range height {
		first := int64((y-ky+height-1)*(2*width-1) + x + width - 1)
		keys := line[1+ky*width : 1+(ky+1)*width]
		for kx := range keys {
			keys[kx] = first - int64(kx)
		}
	}
}
