#compdef chatctl
# Completion of chatctl for zsh.

_chatctl_names() {
	local -a names=(${${(f)"$(chatctl --no-legend ${opt_args[--run-dir]:+--run-dir=${opt_args[--run-dir]}} $* 2>/dev/null)"}%% *})
	compadd -- $names
}

_chatctl() {
	local curcontext=$curcontext state line
	typeset -A opt_args
	_arguments -C \
		'--json[print JSON]' \
		'--no-legend[print no headings]' \
		'(-n --lines)'{-n,--lines=}'[how many events or seconds]:number:' \
		'(-f --follow)'{-f,--follow}'[go on with events that come]' \
		'--name=[only events of this person]:name:_chatctl_names who' \
		'--room=[only what was said in this room; the only room of a token]:room:' \
		'--kill[end the process of a session that does not leave]' \
		'--output=[write to this file]:file:_files' \
		'--openmetrics[for strict readers of OpenMetrics]' \
		'--run-dir=[of a chatd without systemd]:directory:_files -/' \
		'--help[print a summary]' \
		'--version[print the version]' \
		'1:command:->command' \
		'*::argument:->argument'
	case $state in
	command)
		local -a commands=(${(f)"$(chatctl commands 2>/dev/null)"})
		_describe command commands
		;;
	argument)
		[[ $line[1],$line[2],$CURRENT != token,remove,3 ]] || { _chatctl_names token list; return; }
		((CURRENT == 2)) || return 1
		case $line[1] in
		kick | mute | unmute | ban) _chatctl_names who ;;
		unban) _chatctl_names bans ;;
		token) compadd add list remove ;;
		help) local -a commands=(${(f)"$(chatctl commands 2>/dev/null)"}) && _describe command commands ;;
		esac
		;;
	esac
}

# Loaded by the completion system it is the body of a function; sourced, it only defines.
[[ $funcstack[1] != _chatctl ]] || _chatctl "$@"
