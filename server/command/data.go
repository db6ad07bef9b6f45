package command

// Data lists every family of commands that need nothing but the engine. A new
// family is added here.
func Data() [][]Row {
	return [][]Row{
		connectionRows,
		introspectionRows,
		genericRows,
		keyspaceRows,
		objectRows,
		expireRows,
		stringRows,
		bitmapRows,
		bitfieldRows,
		hllRows,
		zsetRows,
		zsetRangeRows,
		zsetCombineRows,
		listRows,
		geoRows,
		blockingRows,
		lcsRows,
		hashRows,
		setRows,
		rangeRows,
	}
}
