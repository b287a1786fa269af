def render(results, rules):
    return ""
