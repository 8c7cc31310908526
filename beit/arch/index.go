package arch

// RelativePositionIndex gives, for each query and key token, the row of the bias table: I[q*T+k], T tokens with the class token first,
// row-major with queries as rows. It is not symmetric. Source: microsoft/unilm beit/modeling_finetune.py,
// Attention.__init__.
func RelativePositionIndex(height, width int) []int64 {
	tokens := height*width + 1
	index := make([]int64, tokens*tokens)
	for q := range tokens {
		RelativePositionRow(index[q*tokens:(q+1)*tokens], height, width, q)
	}
	return index
}

// RelativePositionRow fills line, of T entries, with row query of the index, for those who can't hold T*T of them.
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
