// Package report turns measurements into what people and programs read:
// medians, aligned tables, JSON and an SVG chart. It measures nothing.
package report
