package arch

// RelativePositionIndex returns, for each query and key token, the row of the bias table: index[q*T+k], with T = height*width+1 tokens, the class token
// first; height and width are in patches. It is not symmetric. Source: microsoft/unilm beit/modeling_finetune.py,
// Attention.__init__.
func RelativePositionIndex(height, width int) []int64 {
	tokens := height*width + 1
	index := make([]int64, tokens*tokens)
	for q := range tokens {
		RelativePositionRow(index[q*tokens:(q+1)*tokens], height, width, q)
	}
	return index
}

// RelativePositionRow fills line, of T entries, with the row of one query. It is for callers to whom T*T entries are too many: those of 512 pixels take
// 8 MB for each block.
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
