<?php
/*
Plugin Name: Sluice Probe
Description: Leaves traces that the integration suite looks for.
Version: 1.0
*/
add_action('wp_footer', function () {
    echo "\n<!-- sluice-probe active -->\n";
});
add_action('sluice_probe_tick', function () {
    update_option('sluice_probe_ticks', 1 + (int) get_option('sluice_probe_ticks', 0));
});
register_activation_hook(__FILE__, function () {
    wp_schedule_single_event(time() - 10, 'sluice_probe_tick');
});
add_action('rest_api_init', function () {
    register_rest_route('sluice-probe/v1', '/ticks', [
        'methods' => 'GET',
        'permission_callback' => '__return_true',
        'callback' => fn () => ['ticks' => (int) get_option('sluice_probe_ticks', 0)],
    ]);
});
