package main

import "context"

func embedded(context.Context, env, []string) error { return nil }
