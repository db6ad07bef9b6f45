package command

import (
	"strings"

	"hpkv/resp"
)

// writeRow writes a command's entry of COMMAND INFO.
func writeRow(w *resp.Writer, r *Row) {
	w.Array(10)
	w.BulkString(r.full)
	w.Int(int64(r.Arity))
	writeStatusSet(w, r.Flags.Names())
	w.Int(int64(r.first))
	w.Int(int64(r.last))
	w.Int(int64(r.step))
	cats := r.Cats.Names()
	w.Set(len(cats))
	for _, n := range cats {
		w.Status("@" + n)
	}
	w.Set(len(r.Tips))
	for _, t := range r.Tips {
		w.BulkString(t)
	}
	w.Set(len(r.Keys))
	for i := range r.Keys {
		writeKeySpec(w, &r.Keys[i])
	}
	if len(r.subRows) == 0 {
		w.Set(0) // Redis: a set when there are none, else an array
		return
	}
	w.Array(len(r.subRows))
	for _, s := range r.subRows {
		writeRow(w, s)
	}
}

func writeStatusSet(w *resp.Writer, names []string) {
	w.Set(len(names))
	for _, n := range names {
		w.Status(n)
	}
}

func writeKeySpec(w *resp.Writer, k *KeySpec) {
	if k.Notes == "" {
		w.Map(3)
	} else {
		w.Map(4)
		w.BulkString("notes")
		w.BulkString(k.Notes)
	}
	w.BulkString("flags")
	writeStatusSet(w, k.Flags.Names())
	w.BulkString("begin_search")
	switch k.Begin {
	case BeginIndex:
		writeSpec(w, "index", field{"index", k.Pos})
	case BeginKeyword:
		w.Map(2)
		w.BulkString("type")
		w.BulkString("keyword")
		w.BulkString("spec")
		w.Map(2)
		w.BulkString("keyword")
		w.BulkString(k.Keyword)
		w.BulkString("startfrom")
		w.Int(int64(k.Pos))
	default:
		writeSpec(w, "unknown")
	}
	w.BulkString("find_keys")
	switch k.Find {
	case FindRange:
		writeSpec(w, "range", field{"lastkey", k.Last}, field{"keystep", k.Step}, field{"limit", k.Limit})
	case FindKeyNum:
		writeSpec(w, "keynum", field{"keynumidx", k.NumIdx}, field{"firstkey", k.First}, field{"keystep", k.Step})
	default:
		writeSpec(w, "unknown")
	}
}

type field struct {
	name string
	n    int
}

func writeSpec(w *resp.Writer, kind string, fields ...field) {
	w.Map(2)
	w.BulkString("type")
	w.BulkString(kind)
	w.BulkString("spec")
	w.Map(len(fields))
	for _, f := range fields {
		w.BulkString(f.name)
		w.Int(int64(f.n))
	}
}

func upper(s string) string { return strings.ToUpper(s) }
